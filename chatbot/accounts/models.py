"""People, and what they sign in with."""

import uuid
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _


class Language(models.TextChoices):
    ENGLISH = "en", "English"
    KOREAN = "ko", "한국어"


def _tokens_per_day() -> "models.PositiveBigIntegerField[int | None, int | None]":
    return models.PositiveBigIntegerField(
        _("tokens a day"),
        null=True,
        blank=True,
        help_text=_("Of questions and answers, from midnight UTC; 0: no limit; empty: as set up."),
    )


class UserManager(BaseUserManager["User"]):
    """Finds people by e-mail whatever its case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").lower())

    def create_superuser(self, email: str, password: str | None = None) -> "User":
        """For `manage.py createsuperuser`; everything else calls the service `create_user`."""
        user = self.model(email=email.lower(), is_superuser=True)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person.

    The role `admin` is Django's superuser: it opens the Django admin, not other people's brains.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(_("e-mail"), unique=True, help_text=_("In lower case."))
    name = models.CharField(_("name"), max_length=150, blank=True)
    language = models.CharField(
        _("language"), max_length=2, choices=Language, default=Language.ENGLISH
    )
    is_active = models.BooleanField(_("may sign in"), default=True)
    token_version = models.PositiveIntegerField(
        _("token version"), default=0, help_text=_("Raising it ends every token of this person.")
    )
    tokens_per_day = _tokens_per_day()
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    acting_key_id: uuid.UUID | None = None
    """The API key that speaks for the person here; not of the row."""

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        ordering = ("email",)
        constraints = [
            models.CheckConstraint(condition=Q(email=Lower("email")), name="user_email_lower_case")
        ]

    def __str__(self) -> str:
        return self.email

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Sessions end with the tokens: when the password or the token version changes."""
        return salted_hmac(
            "chatbot.accounts.sessions",
            f"{self.password}:{self.token_version}",
            secret=secret,
            algorithm="sha256",
        ).hexdigest()

    @property
    def role(self) -> str:
        return "admin" if self.is_superuser else "member"

    @property
    def is_staff(self) -> bool:
        return self.is_superuser


class Scope(models.TextChoices):
    """What an API key may do; a key never may do more than its owner."""

    BRAINS_READ = "brains:read", _("read brains and documents")
    BRAINS_WRITE = "brains:write", _("change brains and documents")
    CHAT = "chat", _("hold conversations")


class ApiKey(models.Model):
    """A key for API clients. Only its SHA-256 is kept; the key itself is shown once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="api_keys")
    name = models.CharField(_("name"), max_length=100)
    prefix = models.CharField(
        _("begins with"), max_length=16, help_text=_("To tell keys apart in lists.")
    )
    secret_sha256 = models.CharField(max_length=64, unique=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=32, choices=Scope), verbose_name=_("scopes"))
    tokens_per_day = _tokens_per_day()
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used at"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class RefreshToken(models.Model):
    """One link of a chain of refresh tokens.

    Using a link twice ends the chain: one of the two who used it is a thief.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="refresh_tokens")
    family = models.UUIDField(db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.id)
