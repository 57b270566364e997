"""What DOCX files are made of: the package, its styles and lists, the text of a paragraph."""
