"""The only door to sessions: the verbs (contract) and the engine that runs them in this process (local)."""
