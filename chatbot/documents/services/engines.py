"""Which OCR engines can be asked for."""

from django.conf import settings

from chatbot.contracts.errors import InvalidInput


def require_engine(engine: str) -> None:
    """Passes an engine that is set up, and the empty name of the usual one.

    Raises:
        InvalidInput: `ocr-engine-not-set-up`, naming those that are.
    """
    if engine and engine not in settings.OCR_ENGINES:
        raise InvalidInput(
            "That OCR engine is not set up here.",
            code="ocr-engine-not-set-up",
            way_out=f"Ask for one of: {', '.join(settings.OCR_ENGINES)}.",
            fields={"engine": [f"Must be one of: {', '.join(settings.OCR_ENGINES)}."]},
        )
