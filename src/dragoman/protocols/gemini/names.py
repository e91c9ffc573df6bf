"""Names of fields in snake_case, which this protocol takes at every depth beside those in camelCase."""

import re
from typing import Any

from dragoman.protocols.json_fields import refused

KNOWN = """
    allowedFunctionNames aspectRatio audioMetadata audioTimestamp audioTrackExtraction audioTranscription
    audioTranscriptionConfig autoTruncate blockingConfidence cachedContent candidateCount codeExecution
    codeExecutionResult computerUse continuationToken customVocabulary disabledSafetyPolicies displayName
    documentMetadata documentOcr dynamicRetrievalConfig dynamicThreshold embedContentConfig enableAffectiveDialog
    enableEnhancedCivicAnswers enablePromptInjectionDetection enableWidget endOffset enterpriseWebSearch
    exaAiSearch excludeDomains excludedPredefinedFunctions executableCode fileData fileSearch fileSearchStoreNames
    fileUri frequencyPenalty functionCall functionCallingConfig functionDeclarations functionResponse
    generateContentRequest generationConfig googleMaps googleSearch googleSearchRetrieval groundingTypes
    imageConfig imageOutputOptions imageSize includeServerSideToolInvocations includeThoughts inlineData
    languageCode latLng maxOutputTokens mcpServers mediaProcessing mediaResolution metadataFilter mimeType
    modelArmorConfig modelSelectionConfig multiSpeakerVoiceConfig numTokens outputCompressionQuality
    outputDimensionality outputMimeType parallelAiSearch parametersJsonSchema partMetadata partialArgs
    personGeneration prebuiltVoiceConfig presencePenalty prominentPeople responseFormat responseJsonSchema
    responseLogprobs responseMimeType responseModalities responseSchema retrievalConfig routingConfig
    safetySettings searchTypes serviceTier speakerVoiceConfigs speechConfig speechMetadata spreadsheetMetadata
    startOffset stopSequences streamFunctionCallArguments streamableHttpTransport systemInstruction taskType
    thinkingBudget thinkingConfig thinkingLevel thoughtSignature timeRangeFilter toolCall toolConfig toolResponse
    toolType topK topP translationConfig urlContext videoMetadata voiceConfig voiceName willContinue
"""
"""Fields of a request that consist of several words."""

FREE = frozenset(
    {
        "args",
        "headers",
        "labels",
        "parameters",
        "parametersJsonSchema",
        "partMetadata",
        "response",
        "responseJsonSchema",
        "responseSchema",
    }
)
"""Fields whose value has names of the caller's own, or is a schema."""

SNAKE: dict[str, str] = {re.sub("([A-Z])", r"_\1", name).lower(): name for name in KNOWN.split()}


def camel(value: Any, path: str = "") -> Any:
    """`value` with this protocol's names in camelCase. Raises InvalidRequestError for one in both forms."""
    match value:
        case dict():
            found: dict[str, Any] = {}
            for name, inner in value.items():
                known = SNAKE[name] if name in SNAKE else str(name)
                if known != name and known in value:
                    raise refused(f"{path}{known}", f"expected it once, got {name} too")
                plain = isinstance(inner, str) or known in FREE
                found[known] = inner if plain else camel(inner, f"{path}{known}.")
            return found
        case list():
            return [camel(inner, path) for inner in value]
        case _:
            return value
