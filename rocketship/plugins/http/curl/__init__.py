"""The HTTP client port on libcurl, driven by asyncio."""
