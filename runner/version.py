"""The version, without asking the package metadata (which costs more than a quiet tick)."""

VERSION = "0.1.0"
