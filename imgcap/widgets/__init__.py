"""The dashboard's panels and the state they share."""
