"""What happens to every child: whole replicates, as tables."""
