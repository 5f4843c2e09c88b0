/*
 * The runtime's HTTP client can read what was packed with Brotli, and its stream would pack as well, which nobody here
 * asks for. Where these are, the half of the library that packs is not linked.
 */
#include <stdlib.h>

#define NEVER(name)      \
	void name(void); \
	void name(void)  \
	{                \
		abort(); \
	}

NEVER(BrotliEncoderCompress)
NEVER(BrotliEncoderCompressStream)
NEVER(BrotliEncoderCreateInstance)
NEVER(BrotliEncoderDestroyInstance)
NEVER(BrotliEncoderHasMoreOutput)
NEVER(BrotliEncoderIsFinished)
NEVER(BrotliEncoderMaxCompressedSize)
NEVER(BrotliEncoderSetParameter)
