"""Services of clouds, each as a fake that is strict with what it is asked."""
