"""From files of rows to tokens that a loss can count: reading, checking, splitting, packing."""
