from django.urls import path

from chatbot.accounts.api import sign_in, views

urlpatterns = [
    path("auth/token", sign_in.TokenView.as_view(), name="token"),
    path("auth/token/refresh", sign_in.TokenRefreshView.as_view(), name="token-refresh"),
    path("auth/csrf", sign_in.CsrfView.as_view(), name="csrf"),
    path("auth/login", sign_in.LoginView.as_view(), name="login"),
    path("auth/logout", sign_in.LogoutView.as_view(), name="logout"),
    path("auth/sign-up", sign_in.SignUpView.as_view(), name="sign-up"),
    path("auth/me", views.MeView.as_view(), name="me"),
    path("auth/password", views.PasswordView.as_view(), name="password"),
    path("auth/api-keys", views.ApiKeysView.as_view(), name="api-keys"),
    path("auth/api-keys/<uuid:key_id>", views.ApiKeyView.as_view(), name="api-key"),
    path("groups", views.GroupsView.as_view(), name="groups"),
]
