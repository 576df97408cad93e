"""What clients of OpenMeter say and hear: its names and shapes, mapped to and from ours."""
