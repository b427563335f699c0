"""What an operator does with a whole installation, as commands of `manage.py`."""
