"""The tests of embedded-firebase; a package, so that `tests` means this folder wherever pytest is started."""
