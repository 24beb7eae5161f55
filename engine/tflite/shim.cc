#include "shim.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <mutex>

#include "tensorflow/lite/c/c_api_internal.h"
#include "tensorflow/lite/delegates/xnnpack/xnnpack_delegate.h"
#include "tensorflow/lite/interpreter.h"

namespace {

TfLiteStatus Place(tflite::Interpreter* impl, const std::vector<int>& tensors,
                   int32_t i, void* data, size_t bytes) {
  if (i < 0 || static_cast<size_t>(i) >= tensors.size()) return kTfLiteError;
  return impl->SetCustomAllocationForTensor(tensors[i], {data, bytes});
}

std::mutex mutex;
char text[1024];
size_t length = 0;

// Keeps the first lines: the first error is the cause, the rest its echoes.
void Report(void*, const char* format, va_list args) {
  std::lock_guard<std::mutex> lock(mutex);
  const size_t room = sizeof(text) - length;
  if (room < 2) return;
  const int n = vsnprintf(text + length, room, format, args);
  if (n < 0) return;
  length += static_cast<size_t>(n) < room ? n : room - 1;
  if (length + 1 < sizeof(text)) {
    text[length++] = '\n';
    text[length] = '\0';
  }
}

}  // namespace

TfLiteStatus atoll_place_input(TfLiteInterpreter* interpreter, int32_t i,
                               void* data, size_t bytes) {
  return Place(interpreter->impl.get(), interpreter->impl->inputs(), i, data,
               bytes);
}

TfLiteStatus atoll_place_output(TfLiteInterpreter* interpreter, int32_t i,
                                void* data, size_t bytes) {
  return Place(interpreter->impl.get(), interpreter->impl->outputs(), i, data,
               bytes);
}

void atoll_capture_errors(TfLiteInterpreterOptions* options) {
  TfLiteInterpreterOptionsSetErrorReporter(options, Report, nullptr);
}

size_t atoll_take_errors(char* out, size_t size) {
  std::lock_guard<std::mutex> lock(mutex);
  if (size == 0) return 0;
  const size_t n = length < size - 1 ? length : size - 1;
  memcpy(out, text, n);
  out[n] = '\0';
  length = 0;
  return n;
}

TfLiteDelegate* atoll_new_xnnpack(int32_t threads) {
  TfLiteXNNPackDelegateOptions options = TfLiteXNNPackDelegateOptionsDefault();
  options.num_threads = threads;
  options.flags |=
      TFLITE_XNNPACK_DELEGATE_FLAG_QS8 | TFLITE_XNNPACK_DELEGATE_FLAG_QU8;
  return TfLiteXNNPackDelegateCreate(&options);
}

void atoll_delete_xnnpack(TfLiteDelegate* delegate) {
  TfLiteXNNPackDelegateDelete(delegate);
}
