"""What planners count: placement stability, timeliness, workload and costs."""
