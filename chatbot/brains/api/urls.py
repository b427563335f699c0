from django.urls import path

from chatbot.brains.api import views

urlpatterns = [
    path("brains", views.BrainsView.as_view(), name="brains"),
    path("brains/<uuid:brain_id>", views.BrainView.as_view(), name="brain"),
    path("brains/<uuid:brain_id>/members", views.MembersView.as_view(), name="members"),
    path(
        "brains/<uuid:brain_id>/members/<uuid:member_id>",
        views.MemberView.as_view(),
        name="member",
    ),
]
