"""A pretend mine: boxes, cameras and their pictures, for trying the platform and for its tests."""
