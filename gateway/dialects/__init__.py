"""Wire dialects. One file per dialect declares DIALECT; `contract` says what that is, `registry` finds them."""
