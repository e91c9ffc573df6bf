"""Words that errors are made of: to show one says nothing about a secret that contains it; to hide it would."""

WORDS = """
    accepted access account allowed another answer answered assistant authentication authorization available balance
    bearer because before billing blocked browser called calling cannot changed channel closed command complete
    completion configuration connect connection contact content context conversation correct created credential
    credentials current customer default deleted denied deployment detail details developer disabled enabled endpoint
    engine entity exceeded exceeds exhausted expected expired failed failure finish forbidden format function gateway
    generate header headers history incorrect instead insufficient internal invalid language length limited loading
    longer malformed maximum message messages method minimum minute minutes missing models native network number object
    openai operation organization output overload overloaded parameter parameters parsed passed password permission
    please policy position problem processing project prompt prompts provide provided provider public reached reason
    received refused region rejected remove repeat request requests required resource response retrying safety secret
    second seconds server service services session should signature status stopped stream string support supported
    system temporarily timeout tokens traffic unable unauthorized unavailable unexpected unknown unsupported updated
    upstream usable verify version waiting within without
"""

ORDINARY = frozenset(WORDS.split())
"""All have at least six letters: a shorter word cannot be a run of a secret (see `secrets`)."""

MAX_ORDINARY = max(map(len, ORDINARY))
