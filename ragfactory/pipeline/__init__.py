"""The building job: from folders of files to published versions."""
