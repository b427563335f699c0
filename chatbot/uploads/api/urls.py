from django.urls import path

from chatbot.uploads.api import batches, documents, views

urlpatterns = [
    path("brains/<uuid:brain_id>/documents", documents.DocumentsView.as_view(), name="documents"),
    path("brains/<uuid:brain_id>/batches", batches.BatchesView.as_view(), name="batches"),
    path("batches/<uuid:batch_id>", batches.BatchView.as_view(), name="batch"),
    path("batches/<uuid:batch_id>/items", batches.BatchItemsView.as_view(), name="batch-items"),
    path("batches/<uuid:batch_id>/retry", batches.BatchRetryView.as_view(), name="batch-retry"),
    path("batches/<uuid:batch_id>/cancel", batches.BatchCancelView.as_view(), name="batch-cancel"),
    path("uploads", views.UploadsView.as_view(), name="uploads"),
    path("uploads/<uuid:upload_id>", views.UploadView.as_view(), name="upload"),
    path("uploads/<uuid:upload_id>/finish", views.UploadFinishView.as_view(), name="upload-finish"),
]
