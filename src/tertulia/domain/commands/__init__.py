"""What people ask for, a file a verb: each turns an intent into facts, or refuses it."""
