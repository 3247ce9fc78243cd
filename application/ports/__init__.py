"""The ports, by role: models, stores, observation, system."""
