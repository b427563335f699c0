from django.urls import path

from chatbot.inference.api import views

urlpatterns = [path("models", views.ModelsView.as_view(), name="models")]
