"""Many runs of one scenario: planned, run here or on a cluster, followed, stored and resumed."""
