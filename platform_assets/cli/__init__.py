"""The command `weir`: one file a group of commands; the commands of domains are in their folders."""
