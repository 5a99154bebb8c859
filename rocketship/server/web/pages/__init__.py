"""The pages for people with a browser; complete without JavaScript, live with it."""
