"""Tables: how far the current one is from the reference, column by column."""
