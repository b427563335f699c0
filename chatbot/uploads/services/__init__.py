"""What people and processes do with uploads and batches."""
