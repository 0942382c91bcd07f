"""What stepd is measured beside, each written as its users would write it."""
