"""The grammar brought together with the plugins: checks of a whole suite, and its model."""
