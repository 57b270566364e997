"""Makes the example documents that cannot be written by hand: the PDF, DOCX and CSV files of a fictional company."""
