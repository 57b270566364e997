"""PDF: from what MuPDF sees on pages to a document in reading order."""
