"""Why a service's cache of prompts was used or missed: requests as digests, what is known of conversations, words."""
