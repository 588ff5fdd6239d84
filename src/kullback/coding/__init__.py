"""Coding: excess bits, measured with a real entropy coder."""

from .coder import decode, encode
from .excess import ExcessBits, excess_bits
from .models import Adaptive, Markov, Static
from .prefix import PrefixCode, huffman

__all__ = ["Adaptive", "ExcessBits", "Markov", "PrefixCode", "Static", "decode", "encode", "excess_bits", "huffman"]
