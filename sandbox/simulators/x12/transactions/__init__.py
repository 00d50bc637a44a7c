"""What the payer answers: 271 for 270, 277 for 276, 278 for 278, from its own members, claims and cases."""
