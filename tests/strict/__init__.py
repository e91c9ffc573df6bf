"""Conversations of agents before services that refuse what the real ones refuse."""
