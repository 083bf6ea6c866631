"""Files and folders that are an operating system's, not the owner's."""

# In lower case; those of Windows, Linux, macOS, and of Synology's and QNAP's servers.
_SYSTEM_NAMES = {
    *("$recycle.bin", "recycler", "recycled", "system volume information"),
    *("desktop.ini", "thumbs.db", "ehthumbs.db", "folder.htt"),
    *("lost+found", "__macosx", "icon\r"),
    *("@eadir", "#recycle", "#snapshot", "@tmp"),
    *("@recycle", "@recently-snapshot", "@__thumb"),
}


def is_system_name(name):
    """Whether the name of a file or folder is hidden, or one that a system gives."""
    return name.startswith(".") or name.lower() in _SYSTEM_NAMES
