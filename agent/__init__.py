"""The directory side: reading directories on a schedule, and writing an unlock back."""
