// What TensorFlow Lite's C API leaves out and a process that runs for years
// needs: tensors in memory of the caller's, and error texts that can be read.
#ifndef ATOLL_ENGINE_TFLITE_SHIM_H_
#define ATOLL_ENGINE_TFLITE_SHIM_H_

#include <stddef.h>
#include <stdint.h>

#include "tensorflow/lite/c/c_api.h"

#ifdef __cplusplus
extern "C" {
#endif

// Places input (or output) number i at data, which is 64-byte aligned and stays
// mapped until the interpreter is gone. Call before AllocateTensors.
TfLiteStatus atoll_place_input(TfLiteInterpreter* interpreter, int32_t i,
                               void* data, size_t bytes);
TfLiteStatus atoll_place_output(TfLiteInterpreter* interpreter, int32_t i,
                                void* data, size_t bytes);

// Makes the interpreter's errors go to a buffer of the calling process.
void atoll_capture_errors(TfLiteInterpreterOptions* options);

// Copies what was captured since the last call to out (NUL-terminated, at most
// size bytes) and clears it. Returns its length.
size_t atoll_take_errors(char* out, size_t size);

// Makes an XNNPACK delegate that also takes operators on 8-bit integers, which it
// does not by default. NULL where it can't start. Free it with
// atoll_delete_xnnpack.
TfLiteDelegate* atoll_new_xnnpack(int32_t threads);
void atoll_delete_xnnpack(TfLiteDelegate* delegate);

#ifdef __cplusplus
}
#endif
#endif
