from django.urls import path

from chatbot.documents.api import views

# The address of `DocumentsView` stands in `chatbot.uploads.api.urls`, which adds to it.
urlpatterns = [
    path(
        "brains/<uuid:brain_id>/documents/retry-failed",
        views.RetryFailedView.as_view(),
        name="documents-retry-failed",
    ),
    path("documents/<uuid:document_id>", views.DocumentView.as_view(), name="document"),
    path(
        "documents/<uuid:document_id>/retry",
        views.DocumentRetryView.as_view(),
        name="document-retry",
    ),
    path(
        "documents/<uuid:document_id>/cancel",
        views.DocumentCancelView.as_view(),
        name="document-cancel",
    ),
    path(
        "documents/<uuid:document_id>/reread",
        views.DocumentRereadView.as_view(),
        name="document-reread",
    ),
    path("documents/<uuid:document_id>/file", views.DocumentFileView.as_view(), name="file"),
    path("documents/<uuid:document_id>/pages", views.PagesView.as_view(), name="pages"),
    path("documents/<uuid:document_id>/pages/<int:number>", views.PageView.as_view(), name="page"),
]
