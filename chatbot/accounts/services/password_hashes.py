"""How passwords are hashed."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2(Argon2PasswordHasher):
    """Argon2id with the parameters of OWASP's password storage cheat sheet.

    Django's own take 100 MB for each hash: eight people who sign in at once would take 800.
    """

    memory_cost = 19 * 1024
    """KiB."""
    time_cost = 2
    parallelism = 1
