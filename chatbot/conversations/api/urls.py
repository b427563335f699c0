from django.urls import path

from chatbot.conversations.api import views

urlpatterns = [
    path("conversations", views.ConversationsView.as_view(), name="conversations"),
    path(
        "conversations/<uuid:conversation_id>",
        views.ConversationView.as_view(),
        name="conversation",
    ),
    path(
        "conversations/<uuid:conversation_id>/messages",
        views.MessagesView.as_view(),
        name="messages",
    ),
    path("turns/<uuid:turn_id>", views.TurnView.as_view(), name="turn"),
    path("turns/<uuid:turn_id>/stop", views.TurnStopView.as_view(), name="turn-stop"),
    path("turns/<uuid:turn_id>/continue", views.TurnContinueView.as_view(), name="turn-continue"),
    path(
        "turns/<uuid:turn_id>/regenerate",
        views.TurnRegenerateView.as_view(),
        name="turn-regenerate",
    ),
    path("jobs", views.JobsView.as_view(), name="jobs"),
    path("jobs/<uuid:job_id>", views.JobView.as_view(), name="job"),
]
