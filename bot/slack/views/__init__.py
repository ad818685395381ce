"""What people see: a message of each kind made of the model, and nothing else."""
