"""Methods of allocation compared: how unequal the arms come out, and how well the next allocation can be guessed."""
