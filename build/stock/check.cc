// check holds a model against stock TensorFlow Lite, with none of our code: the
// file passes the flatbuffers verifier of the schema, loads through the C API, and
// runs with the builtin kernels and with XNNPACK on the same random inputs.
// It prints the number of outputs and the largest difference between both runs, as
// a share of the output's range. Otherwise it says why not and exits with 1.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "flatbuffers/verifier.h"
#include "tensorflow/lite/c/c_api.h"
#include "tensorflow/lite/delegates/xnnpack/xnnpack_delegate.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace {

constexpr int kDraws = 3;  // of inputs
constexpr uint32_t kSeed = 2026;

[[noreturn]] void Fail(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

void Verify(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> data((std::istreambuf_iterator<char>(in)),
                               std::istreambuf_iterator<char>());
  if (!in.good() && !in.eof()) Fail("cannot be read");
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(data.data()),
                                 data.size());
  if (!tflite::VerifyModelBuffer(verifier)) {
    Fail("the flatbuffers verifier refuses it");
  }
}

// Fill writes floats from -1 to 1, any bytes where those are small numbers, and
// otherwise zeros, as other integers are mostly indices of what is unknown here.
void Fill(TfLiteTensor* tensor, std::mt19937& random) {
  const size_t bytes = TfLiteTensorByteSize(tensor);
  std::vector<char> data(bytes);
  switch (TfLiteTensorType(tensor)) {
    case kTfLiteFloat32: {
      std::uniform_real_distribution<float> draw(-1, 1);
      float* const values = reinterpret_cast<float*>(data.data());
      std::generate(values, values + bytes / sizeof(float),
                    [&] { return draw(random); });
      break;
    }
    case kTfLiteInt8:
    case kTfLiteUInt8:
      std::generate(data.begin(), data.end(),
                    [&] { return static_cast<char>(random()); });
      break;
    default:
      break;
  }
  if (TfLiteTensorCopyFromBuffer(tensor, data.data(), bytes) != kTfLiteOk) {
    Fail(std::string("input ") + TfLiteTensorName(tensor) + " cannot be set");
  }
}

template <typename T>
std::vector<double> As(const TfLiteTensor* tensor) {
  const T* const values = static_cast<const T*>(TfLiteTensorData(tensor));
  return {values, values + TfLiteTensorByteSize(tensor) / sizeof(T)};
}

std::vector<double> Values(const TfLiteTensor* tensor) {
  switch (TfLiteTensorType(tensor)) {
    case kTfLiteFloat32:
      return As<float>(tensor);
    case kTfLiteInt8:
      return As<int8_t>(tensor);
    case kTfLiteUInt8:
      return As<uint8_t>(tensor);
    case kTfLiteInt16:
      return As<int16_t>(tensor);
    case kTfLiteInt32:
      return As<int32_t>(tensor);
    case kTfLiteInt64:
      return As<int64_t>(tensor);
    case kTfLiteBool:
      return As<bool>(tensor);
    default:
      Fail(std::string("output ") + TfLiteTensorName(tensor) + " is of type " +
           TfLiteTypeGetName(TfLiteTensorType(tensor)) +
           ", which is not compared");
  }
}

using Outputs = std::vector<std::vector<double>>;

// Run returns the outputs of all draws, one after the other.
Outputs Run(const TfLiteModel* model, TfLiteDelegate* delegate,
            const std::string& with) {
  std::unique_ptr<TfLiteInterpreterOptions,
                  decltype(&TfLiteInterpreterOptionsDelete)>
      options(TfLiteInterpreterOptionsCreate(), TfLiteInterpreterOptionsDelete);
  TfLiteInterpreterOptionsSetNumThreads(options.get(), 1);
  if (delegate) TfLiteInterpreterOptionsAddDelegate(options.get(), delegate);
  std::unique_ptr<TfLiteInterpreter, decltype(&TfLiteInterpreterDelete)> interp(
      TfLiteInterpreterCreate(model, options.get()), TfLiteInterpreterDelete);
  if (!interp) Fail("no interpreter can be made, " + with);
  if (TfLiteInterpreterAllocateTensors(interp.get()) != kTfLiteOk) {
    Fail("tensors cannot be allocated, " + with);
  }
  Outputs outputs;
  std::mt19937 random(kSeed);
  for (int draw = 0; draw < kDraws; draw++) {
    for (int i = 0; i < TfLiteInterpreterGetInputTensorCount(interp.get()); i++) {
      Fill(TfLiteInterpreterGetInputTensor(interp.get(), i), random);
    }
    if (TfLiteInterpreterInvoke(interp.get()) != kTfLiteOk) {
      Fail("cannot be run, " + with);
    }
    for (int i = 0; i < TfLiteInterpreterGetOutputTensorCount(interp.get());
         i++) {
      outputs.push_back(
          Values(TfLiteInterpreterGetOutputTensor(interp.get(), i)));
      for (double v : outputs.back()) {
        if (!std::isfinite(v)) {
          Fail("output " + std::to_string(i) + " is not finite, " + with);
        }
      }
    }
  }
  return outputs;
}

// Difference is the largest between two outputs, as a share of the first's range;
// where that is a point, of its size.
double Difference(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) Fail("outputs differ in size with XNNPACK");
  double largest = 0;
  for (size_t i = 0; i < a.size(); i++) {
    largest = std::max(largest, std::abs(a[i] - b[i]));
  }
  if (largest == 0) return 0;
  const auto [low, high] = std::minmax_element(a.begin(), a.end());
  const double range = *high > *low ? *high - *low : std::abs(*high);
  return range > 0 ? largest / range : largest;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: check MODEL\n");
    return 2;
  }
  Verify(argv[1]);
  std::unique_ptr<TfLiteModel, decltype(&TfLiteModelDelete)> model(
      TfLiteModelCreateFromFile(argv[1]), TfLiteModelDelete);
  if (!model) Fail("the C API does not load it");
  const Outputs builtin =
      Run(model.get(), nullptr, "with the builtin kernels");
  TfLiteXNNPackDelegateOptions options = TfLiteXNNPackDelegateOptionsDefault();
  // Without these, 8-bit operators would be left to the builtin kernels.
  options.flags |=
      TFLITE_XNNPACK_DELEGATE_FLAG_QS8 | TFLITE_XNNPACK_DELEGATE_FLAG_QU8;
  std::unique_ptr<TfLiteDelegate, decltype(&TfLiteXNNPackDelegateDelete)>
      xnnpack(TfLiteXNNPackDelegateCreate(&options),
              TfLiteXNNPackDelegateDelete);
  if (!xnnpack) Fail("XNNPACK does not start");
  const Outputs fast = Run(model.get(), xnnpack.get(), "with XNNPACK");
  double largest = 0;
  for (size_t i = 0; i < builtin.size(); i++) {
    largest = std::max(largest, Difference(builtin[i], fast[i]));
  }
  std::printf("%zu %.3g\n", builtin.size() / kDraws, largest);
  return 0;
}
