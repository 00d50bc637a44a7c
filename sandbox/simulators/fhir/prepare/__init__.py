"""Work that is done before an interaction, beside the event loop: long bodies read, large indexes made."""
