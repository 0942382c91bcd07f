"""Pages for people, everything local: no page loads anything from another host."""
