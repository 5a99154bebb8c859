"""The `script` plugin: JavaScript, shell and Python in the middle of a test."""
