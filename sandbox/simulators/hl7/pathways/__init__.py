"""Pathways: what happens to a patient in a hospital, told as its interfaces tell it (ADT, ORM/OML, ORU, SIU)."""
