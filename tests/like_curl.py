"""Owns a stand-in for curl with the options that the README uses, for a machine without curl."""

import sys

import httpx


def main(words: list[str]) -> None:
    """Make the call and print the answer."""
    options: dict[str, str] = {}
    headers: dict[str, str] = {}
    url = ""
    while words:
        word = words.pop(0)
        if word == "-H":
            name, _, value = words.pop(0).partition(": ")
            headers[name] = value
        elif word == "-s":
            pass
        elif word.startswith("-"):
            options[word] = words.pop(0)
        else:
            url = word
    sys.stdout.write(httpx.request(options.get("-X", "GET"), url, headers=headers, content=options.get("-d")).text)


if __name__ == "__main__":
    main(sys.argv[1:])
